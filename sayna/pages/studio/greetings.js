// What to say before anybody has typed: a language sounds wrong with the words of another.

const GREETINGS = {
  cs: "Dobré ráno! Tady Sayna. Jak vám mohu dnes pomoci?",
  cmn: "早上好！我是 Sayna。今天有什么可以帮您？",
  de: "Guten Morgen! Hier ist Sayna. Wie kann ich Ihnen heute helfen?",
  en: "Good morning! You have reached Sayna. How can I help you today?",
  es: "¡Buenos días! Soy Sayna. ¿En qué puedo ayudarle hoy?",
  fr: "Bonjour ! Vous êtes bien chez Sayna. Comment puis-je vous aider ?",
  it: "Buongiorno! Sono Sayna. Come posso aiutarla oggi?",
  ja: "おはようございます。セイナです。今日はどのようなご用件でしょうか。",
  nl: "Goedemorgen! U spreekt met Sayna. Waarmee kan ik u helpen?",
  pl: "Dzień dobry! Tu Sayna. W czym mogę dziś pomóc?",
  pt: "Bom dia! Aqui é a Sayna. Como posso ajudar hoje?",
  ru: "Доброе утро! Это Sayna. Чем я могу вам помочь?",
  sv: "God morgon! Det här är Sayna. Vad kan jag hjälpa dig med idag?",
  tr: "Günaydın! Ben Sayna. Bugün size nasıl yardımcı olabilirim?",
  uk: "Доброго ранку! Це Sayna. Чим я можу вам допомогти?",
  zh: "早上好！我是 Sayna。今天有什么可以帮您？",
};

/** Return what suits a language now, or null when a person has written a text of their own. */
export function greetingInstead(text, language) {
  const untouched = Object.values(GREETINGS).includes(text);
  return (untouched && GREETINGS[language]) || null;
}
