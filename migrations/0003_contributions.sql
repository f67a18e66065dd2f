-- contributions
SET LOCAL search_path = mfm;
