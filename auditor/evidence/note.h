// The C2SP signed-note format: a text, and lines with signatures of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auditor/evidence/crypto.h"

namespace airtight::audit {

// Who signs, as a verifier knows it.
struct NoteKey {
  std::string name;
  PublicKey key{};
  std::uint32_t id() const;  // the first four bytes of SHA-256(name || 0x0A || 0x01 || key), big-endian
  friend bool operator==(const NoteKey&, const NoteKey&) = default;
};

// A key pair that stays off the nodes: the trust root.
struct NoteSigner {
  std::string name;
  Secret seed;
  NoteKey verifier() const { return {name, ed25519_public(seed)}; }
};

// Visible ASCII without '+', at most 512 characters: narrower than the format, which allows what looks alike.
bool is_key_name(std::string_view name);

// "name+0123abcd+base64", and "PRIVATE+KEY+name+0123abcd+base64": the forms that other note tools read. The last has
// no newline; a private one is a secret, wipe() it.
std::string to_text(const NoteKey& key);
std::optional<NoteKey> parse_note_key(std::string_view text);
std::string private_text(const NoteSigner& signer);
std::optional<NoteSigner> parse_note_signer(std::string_view text);

struct NoteSignature {
  std::string name;
  std::uint32_t id = 0;
  std::string bytes;
};

struct Note {
  std::string text;  // with its last newline
  std::vector<NoteSignature> signatures;
};

inline constexpr std::size_t kMaxNote = 1 << 20;

// Precondition: `text` ends in a newline and holds no other control characters; is_key_name(name).
std::string sign_note(std::string_view text, std::string_view name, const Secret& seed);
// Empty if it is no note: over kMaxNote, control characters, a malformed or more than 100 signature lines.
std::optional<Note> parse_note(std::string_view bytes);

enum class NoteCheck : std::uint8_t {
  Good,
  Unsigned,  // no signature of that name and id
  Forged,    // one of that name and id that is not the key's
};
NoteCheck check_note(const Note& note, const NoteKey& key);

}  // namespace airtight::audit
