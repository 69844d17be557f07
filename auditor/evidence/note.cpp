#include "auditor/evidence/note.h"

#include <algorithm>
#include <cassert>
#include <charconv>

namespace airtight::audit {
namespace {

constexpr std::string_view kDash = "\xe2\x80\x94 ";  // U+2014 and a space
constexpr std::string_view kPrivate = "PRIVATE+KEY+";
constexpr std::size_t kMaxSignatures = 100;
constexpr char kEd25519 = 1;

std::string id_bytes(std::uint32_t id) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(id >> shift & 0xff);
  return bytes;
}

std::uint32_t id_of(std::string_view bytes) {
  std::uint32_t id = 0;
  for (std::size_t i = 0; i < 4; ++i) id = id << 8 | static_cast<unsigned char>(bytes[i]);
  return id;
}

std::string_view view(const PublicKey& key) { return {reinterpret_cast<const char*>(key.data()), key.size()}; }

std::string key_text(std::string_view name, std::uint32_t id, std::string_view key) {
  std::string payload = std::string(1, kEd25519) + std::string(key);
  std::string text = std::string(name) + "+" + to_hex(id_bytes(id)) + "+" + to_base64(payload);
  wipe(payload);
  return text;
}

struct KeyParts {
  std::string name;
  std::uint32_t id = 0;
  std::array<std::uint8_t, 32> bytes{};
};

std::optional<KeyParts> split_key(std::string_view text) {
  const std::size_t first = text.find('+');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = text.find('+', first + 1);
  if (second != first + 9 || !is_key_name(text.substr(0, first))) return std::nullopt;
  KeyParts parts{std::string(text.substr(0, first)), 0, {}};
  const std::string_view hex = text.substr(first + 1, 8);
  const auto [end, error] = std::from_chars(hex.data(), hex.data() + 8, parts.id, 16);
  if (error != std::errc() || end != hex.data() + 8 || to_hex(id_bytes(parts.id)) != hex) return std::nullopt;
  auto payload = from_base64(text.substr(second + 1));
  if (!payload || payload->size() != 33 || payload->front() != kEd25519) return std::nullopt;
  std::transform(payload->begin() + 1, payload->end(), parts.bytes.begin(),
                 [](char byte) { return static_cast<std::uint8_t>(byte); });
  wipe(*payload);
  return parts;
}

}  // namespace

std::uint32_t NoteKey::id() const { return id_of(bytes_of(sha256({name, "\n\1", view(key)}))); }

bool is_key_name(std::string_view name) {
  return !name.empty() && name.size() <= 512 &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 127 && c != '+'; });
}

std::string to_text(const NoteKey& key) { return key_text(key.name, key.id(), view(key.key)); }

std::optional<NoteKey> parse_note_key(std::string_view text) {
  const auto parts = split_key(text);
  if (!parts) return std::nullopt;
  NoteKey key{parts->name, parts->bytes};
  if (key.id() != parts->id) return std::nullopt;
  return key;
}

std::string private_text(const NoteSigner& signer) {
  return std::string(kPrivate) + key_text(signer.name, signer.verifier().id(), signer.seed.bytes());
}

std::optional<NoteSigner> parse_note_signer(std::string_view text) {
  if (text.substr(0, kPrivate.size()) != kPrivate) return std::nullopt;
  const auto parts = split_key(text.substr(kPrivate.size()));
  if (!parts) return std::nullopt;
  NoteSigner signer{parts->name, Secret(parts->bytes)};
  if (signer.verifier().id() != parts->id) return std::nullopt;
  return signer;
}

std::string sign_note(std::string_view text, std::string_view name, const Secret& seed) {
  assert(is_key_name(name) && !text.empty() && text.back() == '\n');
  const Signature signature = ed25519_sign(seed, text);
  const NoteKey key{std::string(name), ed25519_public(seed)};
  std::string bytes = id_bytes(key.id());
  bytes.append(reinterpret_cast<const char*>(signature.data()), signature.size());
  return std::string(text) + "\n" + std::string(kDash) + std::string(name) + " " + to_base64(bytes) + "\n";
}

std::optional<Note> parse_note(std::string_view bytes) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; };
  if (bytes.size() > kMaxNote || std::any_of(bytes.begin(), bytes.end(), control)) return std::nullopt;
  const std::size_t split = bytes.rfind("\n\n");
  if (split == std::string_view::npos) return std::nullopt;
  Note note{std::string(bytes.substr(0, split + 1)), {}};
  for (std::string_view rest = bytes.substr(split + 2); !rest.empty();) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos || note.signatures.size() == kMaxSignatures) return std::nullopt;
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (line.substr(0, kDash.size()) != kDash) return std::nullopt;
    line.remove_prefix(kDash.size());
    const std::size_t space = line.find(' ');
    if (space == 0 || space == std::string_view::npos || line.substr(0, space).find('+') != std::string_view::npos)
      return std::nullopt;
    const auto signature = from_base64(line.substr(space + 1));
    if (!signature || signature->size() < 5) return std::nullopt;
    note.signatures.push_back({std::string(line.substr(0, space)), id_of(*signature), signature->substr(4)});
  }
  if (note.signatures.empty()) return std::nullopt;
  return note;
}

NoteCheck check_note(const Note& note, const NoteKey& key) {
  const std::uint32_t id = key.id();
  NoteCheck found = NoteCheck::Unsigned;
  for (const NoteSignature& signature : note.signatures) {
    if (signature.name != key.name || signature.id != id) continue;
    if (!ed25519_verify(key.key, note.text, signature.bytes)) return NoteCheck::Forged;
    found = NoteCheck::Good;
  }
  return found;
}

}  // namespace airtight::audit
