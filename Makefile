# make alone lists the targets. CI runs "make check".

GO       ?= go
FUZZTIME ?= 20000x
BENCH    ?= --rounds 5
COMPARE  ?=
PROCS    ?= 2,4,8
DCBENCH   = $(GO) run -buildvcs=false ./cmd/dcbench
# What the size of a word has to do with; but not what tries orders of events, which are the same with any.
SIZED     = . ./codec ./compaction ./engine ./evict ./internal/... ./keydir ./memory ./segment ./vfs/...
ORDERS    = ^Test(Faults|Schedule|Plans|Hidden|Bounded|ShareHeldUp|ShareMakerDies|ShareDiesAsItWrites)
PLATFORMS = linux/386 linux/arm64 darwin/arm64 windows/amd64 freebsd/amd64

.DEFAULT_GOAL := help
.PHONY: help demo test peers check lint race 386 s390x cross fuzz torture network mutants bench compare

help: ## list the targets
	@sed -n 's/^\([a-z0-9]*\):.*## /\1	/p' $(MAKEFILE_LIST) | while IFS='	' read -r name what; do printf '%-10s %s\n' "$$name" "$$what"; done

demo: ## cache Go's own source tree, compare it, kill a writer: is anything lost?
	$(DCBENCH) demo

test: ## run all tests, those of the nested modules if their dependencies can be had
	$(GO) test -vet=off -timeout 30m ./...
	.ci/nested test

peers: ## build the program of the peers that compare measures: bin/peers
	cd cmd/dcbench/peers && $(GO) build -buildvcs=false -o ../../../bin/peers .

check: ## what CI runs
	.ci/run

lint: ## gofmt, go vet, staticcheck
	.ci/lint

race: ## run the tests with the race detector, in their short form; needs a C compiler
	CGO_ENABLED=1 $(GO) test -vet=off -timeout 40m -short -race ./...

386: ## run tests of what goes by sizes and addresses as a 32-bit program, on machines that can
	GOARCH=386 CGO_ENABLED=0 $(GO) test -vet=off -timeout 30m -short -skip '$(ORDERS)' $(SIZED)

s390x: ## run the tests of the formats on a big-endian machine, emulated by qemu
	.ci/s390x

cross: ## build and vet for other systems; what is built is not run, and need not be fast
	@set -e; for p in $(PLATFORMS); do echo "$$p"; \
		GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 $(GO) vet -gcflags='-N -l' ./...; done

fuzz: ## run each fuzz target on FUZZTIME inputs, 20000x if not given
	FUZZTIME=$(FUZZTIME) .ci/fuzz

torture: ## the tests that take hours: every crash image, 1000 kills, a million inputs of each fuzz target
	DISKCACHE_TORTURE=1 $(GO) test -vet=off -v -timeout 12h -run 'Crash|Model|Damage|Fault|Plans|Schedule|Hidden|Bounded|Du' ./engine ./keydir ./segment ./vfs .
	$(DCBENCH) demo --rounds 1000
	$(DCBENCH) torture --procs $(PROCS) -c 4 --histories 300
	$(DCBENCH) torture --procs $(PROCS) -c 4 --scenario kill --kills 5000
	FUZZTIME=1000000x .ci/fuzz

network: ## torture real mounts of NFSv3, NFSv4 and SMB in the virtual machine of NETFS_VM; needs qemu and root
	.ci/network

mutants: ## break the code on purpose, one defect at a time: do the tests notice?
	$(GO) run ./internal/mutants

bench: ## measure against the raw limit; BENCH=--json for JSON. Takes 6 GB of disk
	$(DCBENCH) run $(BENCH) -w fillrandom --value-size 128,1024
	$(DCBENCH) run $(BENCH) -w readrandom --value-size 128,1024
	$(DCBENCH) run $(BENCH) -w readrandom --value-size 128,1024 --no-map
	$(DCBENCH) run $(BENCH) -w readmissing,overwrite,readwrite,delete,open
	$(DCBENCH) run $(BENCH) -w fillrandom -n 10000000
	$(DCBENCH) run $(BENCH) -w sweep
	$(DCBENCH) run $(BENCH) -w fillrandom -n 5000 --sync always -c 1,8

compare: ## measure beside the peers; COMPARE=--quick takes minutes, without it hours and 20 GB of disk
	$(DCBENCH) compare $(COMPARE)
