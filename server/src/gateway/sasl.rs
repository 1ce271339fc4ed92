//! SASL PLAIN (RFC 4616) and LOGIN, which both gateways take.
