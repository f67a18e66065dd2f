-- boards
SET LOCAL search_path = mfm;
