//! What people see: read models projected from the log, disposable and rebuilt byte for byte.
