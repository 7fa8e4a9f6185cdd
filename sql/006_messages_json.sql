-- Of messages the formatting and the rest of the TL object are stored and given back, never looked into: as json they are kept as the text
-- that came. As jsonb each was taken apart and compressed anew, which was half of all the work of writing a rich message.
ALTER TABLE messages ALTER COLUMN entities TYPE json, ALTER COLUMN raw TYPE json;
