// Streamlit calls this at the first mount and again whenever the page's data or the theme changes.

const VOTE_CARDS = new WeakMap();

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const same = VOTE_CARDS.get(parentElement);
  if (same && same.data.round === data.round && same.data.annotator === data.annotator) {
    same.update(data, setTriggerValue);
  } else {
    same?.close();
    const card = new VoteCard(data, setTriggerValue);
    VOTE_CARDS.set(parentElement, card);
    card.mount(parentElement);
  }
  return () => {
    VOTE_CARDS.get(parentElement)?.close();
    VOTE_CARDS.delete(parentElement);
  };
}
