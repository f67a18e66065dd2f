-- links
SET LOCAL search_path = mfm;
