-- reads
SET LOCAL search_path = mfm;
