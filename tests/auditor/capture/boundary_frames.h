// Frames for the boundary filter: at the bounds of a policy's ranges, of the forms that it tells apart, some with bytes
// changed.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "tests/auditor/classify/classifier_bench.h"

namespace airtight::audit::test {

inline std::string echo(unsigned type, const std::string& rest) {
  return std::string(1, static_cast<char>(type)) + '\0' + rest;
}

class BoundaryFrames {
 public:
  BoundaryFrames(const Policy& policy, std::uint64_t seed) : engine_(seed) {
    for (const IpSet& set : {policy.cluster_ranges(), policy.inside}) {
      for (const auto& [first, last] : set.v4().intervals())
        for (const std::uint32_t at : {first, last, first + 1, first - 1, last + 1}) v4_.push_back(Ip::v4(at));
      for (const auto& [first, last] : set.v6().intervals())
        for (const u128 at : {first, last, first + 1, first - 1, last + 1}) v6_.push_back(Ip::v6(at));
    }
  }

  std::size_t below(std::size_t bound) { return engine_() % bound; }

  std::string next() {
    static const std::string kBulk(100, 'b');
    static const std::string kPayloads[] = {kBulk,
                                            dns(kOutsideName),
                                            hex("c0 00000001 08 0102030405060708 00") + kBulk,
                                            client_hello("api.openai.com"),
                                            hex("01000000") + std::string(144, 0),
                                            ""};
    constexpr unsigned kPorts[] = {53, 67, 443, 853, 1194, 4789, 8472, 5353, 30'000, 30'001, 30'002, 51'820};
    const std::vector<Ip>& from = v6_.empty() || (!v4_.empty() && below(2) == 0) ? v4_ : v6_;
    const std::string source = to_string(from[below(from.size())]), destination = to_string(from[below(from.size())]);
    const unsigned sport = below(2) == 0 ? 30'000 : kPorts[below(12)];
    const unsigned dport = below(2) == 0   ? 30'001
                           : below(3) == 0 ? static_cast<unsigned>(below(65'536))
                                           : kPorts[below(12)];
    const std::string& payload = kPayloads[below(2) == 0 ? 0 : below(6)];
    const bool six = !from[0].is_v4();
    const auto packet = [&](unsigned protocol, const std::string& inner) {
      return six ? v6(protocol, source, destination, inner) : v4(protocol, source, destination, inner);
    };
    std::string frame;
    switch (below(4)) {
      case 0: {
        const auto flags = static_cast<std::uint8_t>(below(4) == 0 ? below(64) : kAck);
        frame = packet(6, flagged(flags, sport, dport, below(2) == 0 ? "" : payload));
        break;
      }
      case 1:
        frame = packet(six ? 58 : 1, echo(six ? 128 : 8, hex("0000 0007 0001")));
        break;
      default:
        frame = packet(17, udp(sport, dport, payload));
    }
    for (std::size_t changes = below(2) == 0 ? 0 : below(3); changes != 0; --changes) {
      const std::size_t at = below(2) == 0 ? 12 + below(12) : 12 + below(std::min<std::size_t>(frame.size() - 12, 90));
      frame[at] = static_cast<char>(
          below(2) == 0 ? engine_() : static_cast<std::uint8_t>(frame[at]) ^ std::uint64_t{1} << below(8));
    }
    return frame;
  }

 private:
  std::mt19937_64 engine_;
  std::vector<Ip> v4_, v6_;
};

}  // namespace airtight::audit::test
