-- When the test window that is open began: a fire that was received before it is none of the test, however late it is judged.
-- Of windows that are open now it is unknown.
alter table site add column test_window_since timestamptz;
