#ifndef VARVE_CCRC32C_H
#define VARVE_CCRC32C_H

#include <stddef.h>
#include <stdint.h>

/// CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected, as in iSCSI, RFC 3720 §12.1) of `length` bytes, continuing
/// from `crc`, which is 0 for a first call: `crc32c(crc32c(0, a), b) == crc32c(0, a ‖ b)`.
/// Uses the processor's CRC instruction where there is one, else the portable tables; both give the same result.
uint32_t varve_crc32c(uint32_t crc, const void *bytes, size_t length);

/// The table-driven version, on every processor. Public so that tests can hold the two against each other.
uint32_t varve_crc32c_portable(uint32_t crc, const void *bytes, size_t length);

/// Whether `varve_crc32c` uses the processor's CRC instruction.
int varve_crc32c_is_hardware(void);

#endif
