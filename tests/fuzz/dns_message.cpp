// Any bytes as a DNS message: read twice to the same calls, a cut message to a beginning of them.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "auditor/decode/dns.h"

namespace {

using namespace airtight;
using namespace airtight::audit;

// Counts calls, and folds all that is handed out into a number for each call.
class Trace final : public DnsSink {
 public:
  static constexpr std::size_t kKept = 64;
  std::size_t calls = 0;
  std::uint64_t at[kKept] = {};

  void question(const DnsHeader&, const NameText& name, std::uint16_t type, std::uint16_t rr_class) override {
    if (rr_class > 0x7fff) std::abort();
    add(1, name, type, rr_class);
  }
  void address(const DnsHeader&, DnsSection, const NameText& owner, std::uint16_t type, Ip ip) override {
    add(2, owner, type, static_cast<std::uint64_t>(ip.bits()));
  }
  void target(const DnsHeader&, DnsSection, const NameText& owner, std::uint16_t type,
              const NameText& target) override {
    add(3, owner, type, 0);
    fold(target);
  }
  void record(const DnsHeader&, DnsSection, const NameText& owner, std::uint16_t type, bool ech) override {
    add(4, owner, type, ech ? 1 : 0);
  }

 private:
  void add(std::uint64_t kind, const NameText& name, std::uint16_t type, std::uint64_t rest) {
    sum_ = (sum_ * 31 + kind) * 65'537 + type + rest;
    fold(name);
    ++calls;
  }
  void fold(const NameText& name) {
    if (name.cut()) std::abort();
    for (const char c : name.text()) {
      if (c <= 0x20 || c > 0x7e) std::abort();
      sum_ = sum_ * 131 + static_cast<std::uint64_t>(c);
    }
    if (calls < kKept) at[calls] = sum_;
  }

  std::uint64_t sum_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes message(data, size);
  DnsHeader header;
  Trace whole, lying, cut;  // each reads the same message, or a beginning of it
  const DnsStatus status = read_dns(message, true, header, whole);
  const DnsStatus lie = read_dns(message, false, header, lying);
  if (lie == DnsStatus::Truncated && !header.tc) std::abort();
  if ((status == DnsStatus::Ok) != (lie == DnsStatus::Ok) || lying.calls != whole.calls) std::abort();
  if (looks_like_dns(message) && status != DnsStatus::Ok) std::abort();

  const std::size_t less = size == 0 ? 0 : size - 1 - data[0] % size;
  const DnsStatus part = read_dns(message.first(less), true, header, cut);
  if (status == DnsStatus::Ok && part == DnsStatus::Malformed) std::abort();
  if (cut.calls > whole.calls) std::abort();
  const std::size_t compared = cut.calls < Trace::kKept ? cut.calls : Trace::kKept;
  for (std::size_t i = 0; i < compared; ++i)
    if (cut.at[i] != whole.at[i]) std::abort();

  const DnsFrame frame = first_dns_frame(message);
  if (frame.consumed > size || (frame.consumed != 0 && frame.consumed != frame.message.size() + 2)) std::abort();
  return 0;
}
