"""Time offset and transit-time spread of every PMT, and what they need to be known.

cells      which hits are alike: type, energy, distance, expected light, charge
simple     mean spread and decay times from point-like light near by
templates  arrival-time densities of every cell
walk       delay of small pulses
pmts       Newton iteration for all PMTs
fit        the order of all this
"""
