/** The data centre that `SimulatorInfo.address` is of, and where accounts live unless their world says otherwise. */
export const HOME_DC = 2;

/** The data centres there are. Each knows only the auth keys that were made with it (https://core.telegram.org/api/datacenter). */
export const DATA_CENTRES: readonly number[] = [HOME_DC, 4];
