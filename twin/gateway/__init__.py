"""Gateways in real time, with faults and a log of what they really did: the equipment to test Consigne against."""
