#!/bin/sh
# Stands in for a program: does what the file `script` in the folder of its link says. Tests link to it instead of writing a
# program, since one that was just written can't be started while another thread forks.
. "${0%/*}/script"
