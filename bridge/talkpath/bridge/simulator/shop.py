"""What the receptionist of the bicycle shop knows, written as it is to be spoken."""

from __future__ import annotations

GREETING = "Hello, this is the bicycle shop. How can I help you?"
HOURS = "We are open from nine in the morning until six in the evening, Monday to Saturday."
CLOSED = "On Sunday we are closed. From Monday to Saturday we are open from nine to six."
ADDRESS = "You find us at number twelve, River Street, next to the old bridge. The tram stops at the door."
PRICE = "A full service is sixty dollars. Most small repairs are between ten and forty dollars."
HELP = (
    "You can ask for our opening hours, our address and our prices. I can look up a repair, "
    "book one for you, or connect you to a person."
)
ABOUT = (
    "I am glad that you ask. The shop was opened almost fifty years ago by two sisters, who repaired "
    "bicycles in their kitchen until the neighbours complained about the noise. They rented an old bakery "
    "by the river, and to this day the ovens keep our spare tires warm in winter. Today we are six people. "
    "We repair everything that has wheels and pedals, from the first bicycle of a child to the cargo bike "
    "of the postman. On Saturday mornings we teach everybody who likes to learn how to mend a flat tire, "
    "and the coffee is free. In summer we ride together along the river, slowly, with a long stop for ice "
    "cream. And every autumn we collect old bicycles, repair them, and give them to people who need one. "
    "That is our shop. What else can I do for you?"
)
REPAIRS = {
    "103": "Repair number one zero three is ready. It costs forty dollars.",
    "215": "Repair number two one five waits for a new chain. It will be ready on Thursday.",
}
NO_NUMBER = "Please tell me the repair number. Say, for example: my repair number is one zero three."
UNKNOWN_NUMBER = "I am sorry, I cannot find a repair with that number."
BOOKED = "I have booked a repair for you {day}. Please bring your bicycle before noon."
NOT_UNDERSTOOD = "I am sorry, I did not understand that. You can say: what can you do?"
TRANSFER = "One moment please, I will connect you."
NO_TRANSFER = "I am sorry, nobody is free at the moment. Please call again later."
GOODBYE = "Thank you for calling. Goodbye."
WELCOME = "You are welcome."
ANYTHING_ELSE = "Is there anything else that I can do for you?"
WAIT = "Of course, take your time."
HELLO = "Hello. What can I do for you?"
LET_ME_SEE = "Let me see."
DID_NOT_WORK = "I am sorry, that did not work."
PICTURE = "Thank you for the picture. I will show it to the workshop."

KEYS = {"1": HOURS, "2": ADDRESS, "3": PRICE}
"""What the keys of the telephone bring; zero asks for a person."""
