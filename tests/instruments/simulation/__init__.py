"""Simulation: deciding rooms and real ledger in virtual time, everything else played."""
