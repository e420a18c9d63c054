"""`medcot-bench doctor`: what a run will meet in this machine, installation and output folder."""
