//! keepalived-conf
