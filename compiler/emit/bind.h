// A whole named.conf for BIND 9.18, over the files of the rpz target beside it (../rpz/). Nothing in it asks an address
// but those that `dns.zones` forward to: the root is local, no other server may be asked, and no zone, key or version
// is looked up on the server's own account.
#pragma once

#include "compiler/emit/target.h"

namespace airtight {

extern const Target kBindTarget;

}  // namespace airtight
