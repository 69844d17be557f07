// DNS messages (RFC 1035, 2181, 6891 EDNS, 6762 mDNS, 4795 LLMNR, 9460 SVCB/HTTPS, 7766 TCP framing): read in one pass,
// without allocation, every compression pointer strictly backwards, so that a loop cannot be.
#pragma once

#include <cstdint>
#include <string_view>

#include "auditor/decode/frame.h"
#include "auditor/decode/name_text.h"
#include "compiler/net/ip.h"

namespace airtight::audit {

enum class DnsStatus : std::uint8_t {
  Ok,         // every section was read to its end
  Truncated,  // the bytes end inside the message; what came before was delivered. Also a set TC bit with nothing
              // missing: Ok, tc says so
  Malformed,  // labels, pointers or lengths that RFC 1035 forbids; what came before was delivered
  NotDns,  // the header makes no sense as DNS (more than 64 questions, an opcode that nobody registered, shorter than
           // 12 bytes)
};

struct DnsHeader {
  std::uint16_t id = 0;
  bool response = false;
  std::uint8_t opcode = 0;
  bool tc = false;
  std::uint8_t rcode = 0;  // low four bits; the extended ones of EDNS are not joined
  std::uint16_t questions = 0, answers = 0, authorities = 0, additionals = 0;  // as claimed
};

enum class DnsSection : std::uint8_t { Answer, Authority, Additional };

// Called while a message is read; the views and texts live during the call.
class DnsSink {
 public:
  virtual ~DnsSink() = default;
  virtual void question(const DnsHeader&, const NameText& name, std::uint16_t type, std::uint16_t rr_class) = 0;
  // An address that a record hands out: A, AAAA, ipv4hint and ipv6hint of SVCB and HTTPS.
  virtual void address(const DnsHeader&, DnsSection, const NameText& owner, std::uint16_t type, Ip) = 0;
  // A name that a record leads to: CNAME, DNAME, SVCB and HTTPS targets (not "."), MX, SRV, NS, PTR.
  virtual void target(const DnsHeader&, DnsSection, const NameText& owner, std::uint16_t type,
                      const NameText& target) = 0;
  // Any record at all except OPT and TSIG (their owners name nothing), in order; after address() or target() of the
  // same record. `ech`: an SVCB or HTTPS record with ECH configuration.
  virtual void record(const DnsHeader&, DnsSection, const NameText& owner, std::uint16_t type, bool ech) = 0;
};

// Reads one message. `header` is valid unless NotDns. `truncated`: bytes that the message claims were cut by the snap
// length, so an end inside it is Truncated and no lie. At most 4,096 records are read; more is Malformed.
DnsStatus read_dns(Bytes message, bool truncated, DnsHeader& header, DnsSink&);

// Whether these bytes are, with little doubt, a DNS query or answer on a port that is not DNS's: header sane, exactly
// one question, a well-formed name with at least one letter, class IN/CH/ANY, a type that is registered, and nothing
// behind what the counts say.
bool looks_like_dns(Bytes message);

// The length prefix of DNS over TCP (RFC 1035 §4.2.2): the first whole message of a stream; empty if more bytes are
// needed.
struct DnsFrame {
  Bytes message;
  std::size_t consumed = 0;  // length prefix and message; 0 if it is not whole yet
};
DnsFrame first_dns_frame(Bytes stream);

}  // namespace airtight::audit
