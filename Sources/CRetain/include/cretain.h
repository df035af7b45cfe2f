#ifndef CRETAIN_H
#define CRETAIN_H

/// Retains a Swift object, here and now.
///
/// The optimizer takes a retain for an event without a time: it moves one that Swift code does past atomic stores, which to
/// it have nothing to do with the object. A call into C stays where it stands.
/// - Returns: `object`, whose reference the caller then owns.
void *_Nonnull varve_retain(void *_Nonnull object);

#endif
