-- periods
SET LOCAL search_path = mfm;
