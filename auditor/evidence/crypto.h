// The primitives of the log, by OpenSSL: SHA-256 (FIPS 180-4), Ed25519 (RFC 8032), HKDF-SHA256 (RFC 5869), base64 and
// base16 (RFC 4648). Each throws std::runtime_error where OpenSSL cannot give what was asked: a log is never written
// with a hash that is not one.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace airtight::audit {

using Hash = std::array<std::uint8_t, 32>;
using PublicKey = std::array<std::uint8_t, 32>;
using Signature = std::array<std::uint8_t, 64>;

inline std::string_view bytes_of(const Hash& hash) { return {reinterpret_cast<const char*>(hash.data()), hash.size()}; }

// Of the pieces, one after the other.
Hash sha256(std::initializer_list<std::string_view> pieces);

// 32 secret bytes that are overwritten when they go. Moves wipe what they leave.
class Secret {
 public:
  Secret() = default;
  explicit Secret(const std::array<std::uint8_t, 32>& bytes) : bytes_(bytes) {}
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();
  // From the kernel's generator, through OpenSSL.
  static Secret random();
  std::string_view bytes() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }

 private:
  friend Secret hkdf(const Secret&, std::string_view);
  std::array<std::uint8_t, 32> bytes_{};
};

// 32 bytes of HKDF without salt.
Secret hkdf(const Secret& input, std::string_view info);

// `seed` is the private key of RFC 8032 §5.1.5.
PublicKey ed25519_public(const Secret& seed);
Signature ed25519_sign(const Secret& seed, std::string_view message);
bool ed25519_verify(const PublicKey& key, std::string_view message, std::string_view signature);

std::string to_base64(std::string_view bytes);
// Padded, standard alphabet, no other characters, and no bits left over that are not zero: one text a value.
std::optional<std::string> from_base64(std::string_view text);
std::optional<Hash> hash_from_base64(std::string_view text);
std::string to_hex(std::string_view bytes);  // lower case
// Overwrites a text that held a secret.
void wipe(std::string& text);

}  // namespace airtight::audit
