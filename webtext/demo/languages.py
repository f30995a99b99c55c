"""Original prose in other languages, and English passages that are on no page: what the demo cannot take from Python."""

from __future__ import annotations

FRENCH_TITLE = "Le boulanger de la rue des Tilleuls"
FRENCH = """
Chaque matin, bien avant que le soleil ne se lève sur les toits du village, le boulanger de la rue des Tilleuls allume son four. Il n'a
jamais voulu d'un appareil moderne, avec des boutons et des voyants. Le sien est en briques, il date de son arrière-grand-père, et il faut
presque deux heures pour qu'il atteigne la bonne température. Pendant ce temps, la pâte repose sous un linge humide, et la radio murmure
des nouvelles que personne n'écoute.

Les premiers clients arrivent vers six heures. Ce sont toujours les mêmes : l'infirmière qui rentre de sa garde, le facteur qui commence
sa tournée, une vieille dame qui dort peu et qui aime l'odeur du pain chaud. On échange quelques mots sur la pluie, sur les travaux de la
mairie, sur le prix du beurre. Rien d'important, et pourtant ces conversations tiennent le quartier ensemble mieux que n'importe quelle
réunion.

On lui demande souvent pourquoi il ne vend pas de sandwichs, pourquoi il ferme le mercredi, pourquoi il refuse d'ouvrir une deuxième
boutique près de la gare. Il répond qu'un pain a besoin de temps, et qu'un homme aussi. Il a vu des confrères s'agrandir, embaucher,
emprunter, puis vendre à une chaîne qui livre de la pâte congelée. Il ne les juge pas. Il dit seulement qu'il n'aurait pas su quoi faire
de tout cet argent, ni de tous ces soucis.

Le soir, quand la vitrine est vide et que les moules sont lavés, il note dans un carnet ce qui a bien marché et ce qu'il faudra changer :
un peu moins de sel, une cuisson plus douce, une farine d'un autre moulin. Le carnet est plein de taches et de chiffres que lui seul
comprend. Sa fille voudrait un jour le recopier au propre. Il sourit et répond qu'une recette que l'on recopie est déjà une recette que
l'on a cessé de faire.
"""

GERMAN_TITLE = "Ein Jahr ohne Wetterbericht"
GERMAN = """
Im vergangenen Januar habe ich beschlossen, ein Jahr lang keinen Wetterbericht mehr zu lesen. Der Anlass war banal: Eine angekündigte
Regenfront hatte mich von einer Wanderung abgehalten, und dann schien den ganzen Tag die Sonne. Ich ärgerte mich so sehr über die
verlorenen Stunden, dass ich die Anwendung von meinem Telefon löschte. Eigentlich sollte es nur für eine Woche sein, aber aus der Woche
wurde ein Monat, und irgendwann wollte ich wissen, ob ich es bis zum nächsten Winter schaffe.

Am Anfang fühlte ich mich unsicher. Ich packte für jeden Ausflug zu viel ein, schleppte Schirm und Jacke durch die Stadt und schwitzte.
Doch nach einigen Wochen begann ich, wieder auf die Zeichen zu achten, die meine Großmutter noch kannte: die Richtung des Windes am
Morgen, die Schwalben, die vor einem Gewitter tief über die Wiesen fliegen, das Knie meines Nachbarn, das sich angeblich nie irrt. Nicht
alles davon stimmt, aber es macht aufmerksam.

Einmal wurde ich auf einem Hügel von einem Gewitter überrascht und musste zwei Stunden in einer Scheune warten. Dort saß schon ein älteres
Ehepaar mit einer Thermoskanne, und wir unterhielten uns über Obstbäume, über Enkelkinder und über die Frage, warum man im Regen ehrlicher
spricht als bei Sonnenschein. Ich habe beide nie wieder gesehen, aber an diesen Nachmittag denke ich öfter zurück als an alle trockenen
Spaziergänge des Jahres zusammen.

Heute schaue ich gelegentlich wieder nach, wie das Wetter wird, vor langen Reisen zum Beispiel oder wenn wir Gäste im Garten erwarten.
Aber die Vorhersage bestimmt nicht mehr, ob ich aus dem Haus gehe. Sie ist eine Meinung unter mehreren geworden. Wer sich ein bisschen
nass machen lässt, bekommt dafür etwas, das in keinem Bericht steht: den Geruch der Straße nach dem ersten Regen und das Licht, das kurz
danach über den Dächern liegt.
"""

SPANISH_TITLE = "La biblioteca que viajaba en burro"
SPANISH = """
Cuando el maestro llegó al pueblo, hace ya más de treinta años, encontró una escuela con cuatro paredes, una pizarra rota y ningún libro.
El ayuntamiento no tenía dinero y la carretera más cercana quedaba a medio día de camino. Así que el maestro hizo lo único que se le
ocurrió: pidió prestado un burro, bajó a la ciudad y fue de casa en casa preguntando si alguien quería regalar las novelas que ya no leía.
Volvió con dos alforjas llenas y con los pies destrozados.

Al principio, los niños miraban los libros con desconfianza. Estaban acostumbrados a cuidar cabras y a escuchar las historias de los
abuelos, y no entendían para qué servía una historia que no cambiaba nunca. Entonces el maestro empezó a leer en voz alta por las tardes,
debajo de la higuera, y a detenerse siempre en el momento más emocionante. Quien quisiera saber cómo continuaba tenía que aprender a leer.
En menos de un año, casi todos habían aprendido.

Pronto se corrió la voz, y desde las aldeas vecinas comenzaron a pedir que el burro pasara también por allí. El maestro preparó un
calendario: los lunes subía a la montaña, los miércoles cruzaba el río, los viernes visitaba a los pastores. Llevaba cuentos para los
pequeños, novelas para las madres y manuales de agricultura para los padres, que fingían no tener interés y luego discutían cada página en
la taberna.

Hoy existe una carretera asfaltada y casi todo el mundo tiene teléfono, pero la biblioteca sigue viajando. El burro, naturalmente, es
otro. El maestro, que ya se ha jubilado, dice que se podría comprar una furgoneta, y que sin embargo nadie sale corriendo a la calle
cuando pasa una furgoneta. Con el burro salen todos, también los que no leen, y siempre hay alguno que se lleva un libro para no quedar
mal y que después, una noche cualquiera, lo abre.
"""

# A page that is mostly English stays although somebody is quoted on it.
FRENCH_QUOTATION = "Il dit toujours la même chose : un programme que personne ne lit est un programme que personne ne corrige."

UNRELATED = (
    "The ferry had already left when she reached the pier, so she sat on her suitcase and counted gulls until the harbour lights came on.",
    "He tuned the old piano by ear, one string after another, and by the evening even the cat had come back to lie under the bench.",
    "My uncle kept bees behind the railway station, and every passenger who missed a train went home with a jar of honey instead.",
    "They painted the kitchen yellow in March, green in June, and in September they agreed that the walls had been fine all along.",
    "The goalkeeper looked at the ball, then at the empty stands, and wondered who would ever believe that he had stopped it.",
    "Nobody remembered who had planted the walnut tree, but everybody in the street had an opinion about who was allowed to shake it.",
    "After the flood the library dried its atlases on clothes lines, and for a week whole continents were hanging in the wind.",
    "She wrote the letter three times, burned it twice, and finally sent a postcard with a picture of a donkey wearing a hat.",
    "The lighthouse keeper taught his daughter to whistle so loudly that ships once answered her with their horns.",
    "On the last day of school the janitor opened the roof, and the whole class ate melons up there above the chestnut trees.",
    "When the power failed, the bakery sold its cakes by candlelight, and the queue was longer than on any Saturday before.",
    "He had promised his grandmother a rose garden, but the soil was clay, the goats were hungry, and the roses never stood a chance.",
    "The tailor measured the mayor twice, shook his head, and said that the trousers would have to be a matter of negotiation.",
    "We found the key in the sugar bowl, the map in the piano, and the treasure, such as it was, in a biscuit tin below the stairs.",
    "A small orange balloon crossed the border at noon without papers, and the two customs officers saluted it together.",
    "The dog had been asleep for most of the concert, but at the final chord it stood up and bowed before the singer could.",
    "Winter came early that year, and the children skated to school along the canal with their books tied to their backs.",
    "The clockmaker set every watch in his window to a different hour, because, he said, a customer should be able to choose.",
    "She could tell from the smell of the hallway that there was soup, and from the silence that there were guests.",
    "They carried the sofa up five floors before anyone thought of asking whether the new apartment had a door wide enough.",
    "The old fisherman sold us three mackerel and a story about a fourth that had been, he swore, the size of a rowing boat.",
    "It rained on the wedding, on the honeymoon and on the first three anniversaries, and they have loved umbrellas ever since.",
    "The museum bought the painting for its frame, and only years later did a cleaner notice that the landscape had a face in it.",
    "Behind the theatre there was a yard where the actors quarrelled in rhyme, and where the cook fed them all the same stew.",
)
