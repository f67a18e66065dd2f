-- What counts from a day counts at most a month ahead: a year mistyped is no day to come.
SET LOCAL search_path = mfm;

-- NOT VALID: what was recorded before stands. Imported books are dated as their publisher told.
ALTER TABLE record ADD CONSTRAINT record_ahead CHECK (
  effective_on <= (recorded_at AT TIME ZONE 'UTC')::date + 31 OR verb LIKE 'import.%') NOT VALID;
