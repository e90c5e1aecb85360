//! The network engine of ReVACNN.
