#include "auditor/decode/quic_keys.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cassert>
#include <stdexcept>

namespace airtight::audit {
namespace {

constexpr std::array<std::uint8_t, 20> kSalt1 = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                                                 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
constexpr std::array<std::uint8_t, 20> kSalt2 = {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
                                                 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};
constexpr std::array<std::uint8_t, 20> kSalt29 = {0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97,
                                                  0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99};
constexpr std::array<std::uint8_t, 20> kSaltQ050 = {0x50, 0x45, 0x74, 0xef, 0xd0, 0x66, 0xfe, 0x2f, 0x9d, 0x94,
                                                    0x5c, 0xfc, 0xdb, 0xd3, 0xa7, 0xf0, 0xd3, 0xb5, 0x6b, 0x45};

constexpr QuicVersion kVersions[] = {
    {0x00000001, kSalt1, "quic key", "quic iv", "quic hp", 0, 3, false},
    {0x6b3343cf, kSalt2, "quicv2 key", "quicv2 iv", "quicv2 hp", 1, 0, false},
    {0xff00001d, kSalt29, "quic key", "quic iv", "quic hp", 0, 3, false},  // drafts 29 to 32
    {0xff00001e, kSalt29, "quic key", "quic iv", "quic hp", 0, 3, false},
    {0xff00001f, kSalt29, "quic key", "quic iv", "quic hp", 0, 3, false},
    {0xff000020, kSalt29, "quic key", "quic iv", "quic hp", 0, 3, false},
    {0xff000021, kSalt1, "quic key", "quic iv", "quic hp", 0, 3, false},  // drafts 33 and 34
    {0xff000022, kSalt1, "quic key", "quic iv", "quic hp", 0, 3, false},
    {0x51303530, kSaltQ050, "quic key", "quic iv", "quic hp", 0, 3, true},  // Q050
};

constexpr std::size_t kHash = 32;  // SHA-256
constexpr std::size_t kBlock = 64;
constexpr std::size_t kMaxInfo = 40;  // an HkdfLabel with any label of this file
using Hash = std::array<std::uint8_t, kHash>;

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }
int size_of(Bytes bytes) { return static_cast<int>(bytes.size()); }

// HkdfLabel of RFC 8446 §7.1 with no context, and the counter of HKDF-Expand's only block after it.
class Info {
 public:
  Info(std::string_view label, std::size_t length) {
    constexpr std::string_view kPrefix = "tls13 ";
    assert(label.size() + 11 <= kMaxInfo);
    push(0);
    push(static_cast<std::uint8_t>(length));
    push(static_cast<std::uint8_t>(kPrefix.size() + label.size()));
    for (const std::uint8_t byte : bytes_of(kPrefix)) push(byte);
    for (const std::uint8_t byte : bytes_of(label)) push(byte);
    push(0);
    push(1);
  }
  Bytes bytes() const { return {bytes_.data(), size_}; }

 private:
  void push(std::uint8_t byte) { bytes_[size_++] = byte; }

  std::array<std::uint8_t, kMaxInfo> bytes_{};
  std::size_t size_ = 0;
};

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Digest = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, Freer<EVP_CIPHER_CTX_free>>;

void require(bool done) {
  if (!done) throw std::runtime_error("OpenSSL lacks SHA-256, AES-128-ECB or AES-128-GCM");
}

}  // namespace

const QuicVersion* find_quic_version(std::uint32_t number) {
  const auto* found = std::find_if(std::begin(kVersions), std::end(kVersions),
                                   [number](const QuicVersion& version) { return version.number == number; });
  return found == std::end(kVersions) ? nullptr : found;
}

struct QuicCrypto::Contexts {
  Digest digest{EVP_MD_CTX_new()};
  Cipher ecb{EVP_CIPHER_CTX_new()};
  Cipher gcm{EVP_CIPHER_CTX_new()};

  Hash sha256(Bytes first, Bytes second) {
    Hash hash;
    require(EVP_DigestInit_ex(digest.get(), nullptr, nullptr) == 1 &&
            EVP_DigestUpdate(digest.get(), first.data(), first.size()) == 1 &&
            EVP_DigestUpdate(digest.get(), second.data(), second.size()) == 1 &&
            EVP_DigestFinal_ex(digest.get(), hash.data(), nullptr) == 1);
    return hash;
  }

  // RFC 2104, by hand because OpenSSL's own also allocates for every key. `key` is no longer than a block.
  Hash hmac(Bytes key, Bytes message) {
    std::array<std::uint8_t, kBlock> inner;
    std::array<std::uint8_t, kBlock> outer;
    inner.fill(0x36);
    outer.fill(0x5c);
    for (std::size_t i = 0; i < key.size(); ++i) {
      inner[i] ^= key[i];
      outer[i] ^= key[i];
    }
    return sha256(outer, sha256(inner, message));
  }

  template <std::size_t N>
  std::array<std::uint8_t, N> expand(const Hash& secret, std::string_view label) {
    const Hash block = hmac(secret, Info(label, N).bytes());
    std::array<std::uint8_t, N> out;
    std::copy_n(block.begin(), N, out.begin());
    return out;
  }
};

QuicCrypto::QuicCrypto() : contexts_(std::make_unique<Contexts>()) {
  Contexts& made = *contexts_;
  if (!made.digest || !made.ecb || !made.gcm) throw std::bad_alloc();
  require(EVP_DigestInit_ex(made.digest.get(), EVP_sha256(), nullptr) == 1);
  require(EVP_EncryptInit_ex(made.ecb.get(), EVP_aes_128_ecb(), nullptr, nullptr, nullptr) == 1);
  require(EVP_DecryptInit_ex(made.gcm.get(), EVP_aes_128_gcm(), nullptr, nullptr, nullptr) == 1);
}

QuicCrypto::~QuicCrypto() = default;

QuicKeys QuicCrypto::derive(const QuicVersion& version, Bytes connection, QuicSender sender) {
  const Hash initial = contexts_->hmac(version.salt, connection);
  const Hash secret = contexts_->expand<kHash>(initial, sender == QuicSender::Client ? "client in" : "server in");
  return {contexts_->expand<16>(secret, version.key_label), contexts_->expand<12>(secret, version.iv_label),
          contexts_->expand<16>(secret, version.hp_label)};
}

std::array<std::uint8_t, 5> QuicCrypto::mask(const QuicKeys& keys, Bytes sample) {
  assert(sample.size() == kSample);
  std::array<std::uint8_t, kSample> block{};
  int size = 0;
  EVP_CIPHER_CTX* ecb = contexts_->ecb.get();
  require(EVP_EncryptInit_ex(ecb, nullptr, nullptr, keys.hp.data(), nullptr) == 1 &&
          EVP_EncryptUpdate(ecb, block.data(), &size, sample.data(), size_of(sample)) == 1);
  return {block[0], block[1], block[2], block[3], block[4]};
}

bool QuicCrypto::open(const QuicKeys& keys, std::uint64_t number, const std::array<Bytes, 3>& header, Bytes sealed,
                      std::uint8_t* plain) {
  if (sealed.size() < kTag) return false;
  auto nonce = keys.iv;
  for (std::size_t i = 0; i < 8; ++i) nonce[nonce.size() - 1 - i] ^= static_cast<std::uint8_t>(number >> (8 * i));
  std::array<std::uint8_t, kTag> tag;
  std::copy(sealed.end() - kTag, sealed.end(), tag.begin());
  const Bytes body = sealed.first(sealed.size() - kTag);

  EVP_CIPHER_CTX* gcm = contexts_->gcm.get();
  int size = 0;
  bool good = EVP_DecryptInit_ex(gcm, nullptr, nullptr, keys.key.data(), nonce.data()) == 1;
  for (const Bytes piece : header)
    good = good && EVP_DecryptUpdate(gcm, nullptr, &size, piece.data(), size_of(piece)) == 1;
  good = good && EVP_DecryptUpdate(gcm, plain, &size, body.data(), size_of(body)) == 1;
  good = good && EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_SET_TAG, kTag, tag.data()) == 1;
  return good && EVP_DecryptFinal_ex(gcm, plain + body.size(), &size) == 1;
}

}  // namespace airtight::audit
