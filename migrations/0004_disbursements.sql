-- disbursements
SET LOCAL search_path = mfm;
