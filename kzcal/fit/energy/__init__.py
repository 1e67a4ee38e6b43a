"""How bright the events of samples are: light yield and quenching."""
