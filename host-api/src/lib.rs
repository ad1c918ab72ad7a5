//! host-api
