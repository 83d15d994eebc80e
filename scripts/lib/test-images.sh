# shellcheck shell=bash
# The images that tests start, for them to know. Another clone, which may share the Docker, makes its own of other programs.

# The demo backend.
export PLANE_TEST_DEMO_IMAGE=plane-demo-$clone_id
# What the names of the images that tests make themselves end in.
export PLANE_TEST_IMAGE_SUFFIX=$clone_id
