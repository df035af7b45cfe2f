#include "cretain.h"

// The Swift runtime's: https://github.com/swiftlang/swift/blob/main/docs/Runtime.md
extern void *swift_retain(void *object);

void *varve_retain(void *object) { return swift_retain(object); }
