/** Where the gateway's API is mounted. */
export const API_BASE = '/api/telegram-gateway';
