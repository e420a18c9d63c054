"""`python -m medcot_bench` is the command `medcot-bench`."""

from medcot_bench.cli import console_main

if __name__ == "__main__":
    console_main()
