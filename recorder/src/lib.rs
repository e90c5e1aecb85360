//! The store of ReVACNN.
