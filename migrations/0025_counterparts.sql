-- A record of another mechanism's trail is received once, and a trail's name is one mechanism's.
SET LOCAL search_path = mfm;

ALTER TABLE deposit ADD COLUMN counterpart text NOT NULL DEFAULT '';   -- the payer's trail and record: mfm/global 27
ALTER TABLE refund ADD COLUMN counterpart text NOT NULL DEFAULT ''
  CHECK (counterpart = '' OR status = 'received');
CREATE UNIQUE INDEX deposit_counterpart ON deposit (mechanism_id, counterpart)
  WHERE counterpart <> '' AND status <> 'reversed';
CREATE UNIQUE INDEX refund_counterpart ON refund (mechanism_id, counterpart)
  WHERE counterpart <> '' AND status <> 'reversed';

-- As in 0001; keys lie in files named by the trail, where a slash becomes a dash.
CREATE OR REPLACE FUNCTION create_mechanism(p_mechanism int, p_name text, p_origin text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
BEGIN
  PERFORM set_config('mfm.appending', 'on', true);
  IF EXISTS (SELECT FROM mechanism WHERE mechanism_id <> p_mechanism
               AND replace(origin, '/', '-') = replace(p_origin, '/', '-')) THEN
    RAISE unique_violation USING MESSAGE = format('%s is the trail of another mechanism', p_origin),
      CONSTRAINT = 'mechanism_origin';
  END IF;
  INSERT INTO mechanism (mechanism_id, name, origin) VALUES (p_mechanism, p_name, p_origin);
  INSERT INTO head (mechanism_id) VALUES (p_mechanism);
  PERFORM set_config('mfm.appending', '', true);
END $$;
