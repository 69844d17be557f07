// One question to one resolver, through c-ares: no search list, no hosts file, nothing of resolv.conf or of the
// environment.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/net/ip.h"
#include "compiler/net/ip_set.h"

namespace airtight::audit {

struct Reply {
  enum class Kind : std::uint8_t {
    Denied,      // NXDOMAIN, and no record in the answer
    Inside,      // inside addresses only
    Answered,    // anything else of somebody who knows the name: NODATA too
    NotADenial,  // SERVFAIL, REFUSED …, or no DNS
    Refused,     // nobody listens there
    Silent,
  };
  Kind kind = Kind::Silent;
  std::string question;  // "A", "AAAA", "TXT over TCP"
  std::string detail;    // "NXDOMAIN", "192.0.2.1", "SERVFAIL" …
};

// A and AAAA by UDP, the second with EDNS, and TXT by TCP: asked at once, and waited for `timeout` milliseconds.
std::vector<Reply> ask(Ip resolver, const std::string& name, const IpSet& inside, unsigned timeout);

// What a resolver said of a name: the verdict on the message, for ask() and for who wants to break it.
Reply judge_answer(const std::uint8_t* bytes, std::size_t size, const IpSet& inside);

}  // namespace airtight::audit
