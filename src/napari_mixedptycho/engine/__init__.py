"""The reconstruction engine: arrays in, arrays out; it knows no file and no microscope.

``estimate`` is where the computation stands, ``problem`` what it must explain, ``multislice`` and
``forward`` how an estimate predicts patterns (each step returns its pullback), ``losses`` how far off
they are, ``solvers`` what to do about it, ``iterate`` the loop.
"""
