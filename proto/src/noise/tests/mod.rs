//! Rule tests of the Noise engine.
