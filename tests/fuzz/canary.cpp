// What the auditor reads of its own canaries: the listing of counters, and frames that say they are sensor canaries. A
// frame that is taken for one is one bit for bit.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "auditor/canary/round.h"

using namespace airtight;
using namespace airtight::audit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t half = size / 2;
  (void)parse_drop_counters(text.substr(0, half), text.substr(half));
  (void)parse_drop_counters(text, {});

  Frame frame;
  frame.bytes = Bytes(data, size);
  frame.original = static_cast<std::uint32_t>(size);
  const auto nonce = sensor_nonce(frame);
  if (!nonce) return 0;
  std::array<std::uint8_t, 6> mac;
  std::copy_n(data + 6, 6, mac.begin());
  const bool v4 = size == 74;
  u128 source = 0;
  for (std::size_t i = v4 ? 26 : 22; i < (v4 ? 30 : 38); ++i) source = source << 8 | data[i];
  const auto made = canary_frame(CanaryKind::Sensor, v4 ? CanaryFamily::Ipv4 : CanaryFamily::Ipv6, mac,
                                 v4 ? Ip::v4(static_cast<std::uint32_t>(source)) : Ip::v6(source), *nonce);
  if (!std::equal(made.begin(), made.end(), data, data + size)) std::abort();
  return 0;
}
