-- bank
SET LOCAL search_path = mfm;
