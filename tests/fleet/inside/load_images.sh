#!/bin/sh
# Gives a test VM's engine the images that it can pull from nowhere. Runs each time that the engine has started; quick when they are there.
set -eu
for archive in /test-images/*.tar; do
  image=$(cat "${archive%.tar}.name")
  docker image inspect "$image" > /dev/null 2>&1 || docker load --quiet --input "$archive"
done
