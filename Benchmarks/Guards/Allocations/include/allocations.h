#pragma once
#include <stdint.h>

/// Blocks of memory that the process has asked for so far, by whichever function of C's.
uint64_t bench_allocations(void);
