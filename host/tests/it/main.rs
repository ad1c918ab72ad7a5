//! Integration tests of the host over real sockets.

mod egress;
mod http;
