#!/bin/sh
# Plays every seed of a folder through a fuzz target. usage: seeds.sh TARGET FOLDER
exec "$1" "$2"/*
