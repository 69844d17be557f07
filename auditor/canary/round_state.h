// What a round knows of each of its canaries, between the files that plan, send and judge.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "auditor/canary/round.h"

namespace airtight::audit {

struct RoundCanary {
  CanaryKind kind = CanaryKind::Sensor;
  CanaryFamily family = CanaryFamily::Ipv4;
  std::optional<std::size_t> uplink;  // index into CanaryGround::uplinks; empty for stack and pod
  Nonce nonce{};
  CanaryOutcome outcome;  // what sending showed; of a sensor that was sent: empty fate
};

struct CanaryRound::State {
  CanaryGround ground;
  Secret seed;
  CanaryIntentRecord intent;
  std::vector<RoundCanary> canaries;  // in the order of the intent
};

// "NAME: what the system says of it".
std::string error_text(int error);

}  // namespace airtight::audit
