-- terms
SET LOCAL search_path = mfm;
