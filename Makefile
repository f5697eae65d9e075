# Everything is made below .cache/, node_modules/ and the folders of the build; see the head of each script.
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
ARGS ?=
export CONTAINER_KERNELS_CACHE

.PHONY: help testbed build lint test test-js test-py test-ui test-slow test-gpu coverage bench demo wheel clean clean-testbed \
	packages packages-browser python-env front-end front-end-packages ui-packages apptainer modules slurm ondemand images \
	images-demo node copy-testbed

help:  ## this list
	@echo 'make TARGET; what each needs is set up first, once:'
	@grep -hE '^[a-z-]+:.*  ## ' Makefile | sed -E 's/:.*  ## /|/' | awk -F'|' '{ printf "  %-14s %s\n", $$1, $$2 }'

testbed: packages-browser  ## what tests need: Python and front-end packages, Apptainer, modules, Slurm, registries, images, Chromium
	@+$(MAKE) -j3 front-end ui-packages apptainer modules slurm ondemand images

build: packages front-end  ## the front end, built for production; JupyterLab in .cache/venv sees it

lint: packages ui-packages  ## all linters, zero warnings
	@scripts/lint.sh

test: testbed front-end  ## all suites; the last line adds them up
	@scripts/test.sh

test-js: packages front-end-packages  ## jest alone (ARGS='-t name')
	@scripts/test.sh js -- $(ARGS)

test-py: testbed front-end  ## pytest alone, with a real Apptainer and registry (ARGS='-k name')
	@scripts/test.sh py -- $(ARGS)

test-ui: testbed front-end  ## Playwright alone (ARGS='-g name')
	@scripts/test.sh ui -- $(ARGS)

test-slow: testbed front-end  ## the tests that take minutes each (ARGS='-k name'); as root, by the ordinary test user
	@if [ "$$(id -u)" = 0 ]; then scripts/as-user.sh make test-slow ARGS='$(ARGS)'; else scripts/test.sh slow -- $(ARGS); fi

test-gpu: testbed  ## on a machine with an NVIDIA card: what a kernel sees of it; elsewhere skipped, with the reason
	@scripts/with-registry.sh python -m pytest tests/gpu $(ARGS)

coverage: packages front-end-packages  ## how much of the code the tests run that need no container; fails if it is too little
	@scripts/coverage.sh

bench: testbed front-end  ## the figures we claim, measured (benchmarks/run.py)
	@scripts/with-registry.sh python benchmarks/run.py $(ARGS)

ifdef CHECK
demo: packages-browser
	@+$(MAKE) -j2 front-end ui-packages apptainer images-demo
	@scripts/with-registry.sh scripts/demo.sh check
else
demo: packages  ## a JupyterLab to try it in; CHECK=1 does the main job in a headless browser instead
	@+$(MAKE) -j2 front-end apptainer images-demo
	@scripts/with-registry.sh scripts/demo.sh
endif

wheel: packages front-end  ## dist/*.whl, with the built front end in it
	@scripts/wheel.sh

clean:  ## removes what was built and reported; .cache, node_modules and the test-bed stay
	rm -rf lib dist coverage tsconfig.tsbuildinfo jupyterlab_container_kernels/labextension \
	  ui-tests/test-results ui-tests/playwright-report .eslintcache .stylelintcache .pytest_cache .mypy_cache .ruff_cache

clean-testbed:  ## stops the registries, removes .cache, node_modules and the test user
	@scripts/clean-testbed.sh

# ---- the parts of the set-up; each finds its work done the second time
packages:
	@scripts/system-packages.sh
packages-browser:
	@scripts/system-packages.sh browser
python-env:
	@scripts/python-env.sh
node: python-env
	@scripts/front-end.sh node
front-end-packages: python-env
	@scripts/front-end.sh packages
ui-packages: front-end-packages
	@scripts/front-end.sh ui-packages
front-end: front-end-packages
	@scripts/front-end.sh build
apptainer:
	@scripts/apptainer.sh
modules:
	@scripts/modules.sh
slurm:
	@scripts/slurm.sh unpack
ondemand:
	@scripts/ondemand.sh unpack
images:
	@scripts/images.sh all
# what a copy of a checkout that has a test-bed lacks for the tests with kernels (scripts/as-user.sh)
copy-testbed:
	@+$(MAKE) -j2 node apptainer modules slurm ondemand
images-demo:
	@scripts/images.sh demo
