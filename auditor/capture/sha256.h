// SHA-256 (FIPS 180-4) of bytes that come piece by piece. The one place where a capture is hashed.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace airtight::audit {

class Sha256 {
 public:
  Sha256();  // throws std::runtime_error if OpenSSL has no SHA-256 to give
  ~Sha256();
  void add(std::span<const std::uint8_t> bytes);
  // Lower-case hexadecimal. The last call.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace airtight::audit
