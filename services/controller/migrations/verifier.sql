-- What `make verify` may read of this database: views in a schema of their own, made anew when this file changes.
-- No session's id, name or token: only which guest's carts a sign-in has moved.
CREATE VIEW verify.sign_ins AS
SELECT DISTINCT guest_owner, merge_id FROM sessions WHERE merge_done;
