//! A tree of calls: equal stacks lead to the same place in it, by one look for each frame that they do not share with the
//! stack before. What walks there is in `trail.rs`.

#![forbid(unsafe_code)]

/// A place in the tree of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Context(u32);

impl Context {
    /// Before any call.
    pub const ROOT: Context = Context(0);
}

const NODES: usize = 1 << 15;
const HEADS: usize = 1 << 14;

/// Calls by what they are made from. The first node is the root. Zeroed memory is a tree without calls.
pub struct Tree {
    nodes: [Node; NODES],
    /// Nodes in use, but for the root.
    length: usize,
    /// The newest node of each chain of equal hash bits, 0 for none.
    heads: [u32; HEADS],
}

#[derive(Clone, Copy)]
struct Node {
    pc: u64,
    parent: Context,
    /// The next of the chain.
    next: u32,
    note: u32,
}

impl Tree {
    /// What is noted at a place; 0 at first.
    #[inline(always)]
    pub fn note(&mut self, context: Context) -> &mut u32 {
        &mut self.nodes[context.0 as usize % NODES].note
    }

    /// Takes all calls out.
    pub fn clear(&mut self) {
        self.length = 0;
        self.heads.fill(0);
    }

    /// The call at `pc` from `parent`; none if the tree is full.
    #[inline(always)]
    pub fn child(&mut self, parent: Context, pc: u64) -> Option<Context> {
        let hash = (pc ^ u64::from(parent.0) << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let head = &mut self.heads[(hash >> 50) as usize % HEADS];
        let mut at = *head;
        while at != 0 {
            let node = &self.nodes[at as usize];
            if node.pc == pc && node.parent == parent {
                return Some(Context(at));
            }
            at = node.next;
        }
        let place = self.length + 1;
        let node = self.nodes.get_mut(place)?;
        *node = Node { pc, parent, next: *head, note: 0 };
        *head = place as u32;
        self.length = place;
        Some(Context(place as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_tree() -> Box<Tree> {
        let nodes = [Node { pc: 0, parent: Context::ROOT, next: 0, note: 0 }; NODES];
        Box::new(Tree { nodes, length: 0, heads: [0; HEADS] })
    }

    #[test]
    fn equal_paths_are_one_place_and_others_are_not() {
        let mut tree = new_tree();
        let mut path =
            |pcs: &[u64]| pcs.iter().fold(Context::ROOT, |parent, pc| tree.child(parent, *pc).expect("there is room"));
        let place = path(&[1, 2, 3]);
        assert_eq!(path(&[1, 2, 3]), place);
        assert_ne!(path(&[1, 2]), place);
        assert_ne!(path(&[1, 3, 2]), path(&[1, 2, 3]));
        *tree.note(place) = 7;
        assert_eq!(*tree.note(place), 7);
    }

    #[test]
    fn a_full_tree_says_so_and_is_empty_once_cleared() {
        let mut tree = new_tree();
        let last = (1..NODES as u64).map(|pc| tree.child(Context::ROOT, pc)).last().flatten();
        assert!(last.is_some());
        *tree.note(last.unwrap()) = 7;
        assert_eq!(tree.child(Context::ROOT, u64::MAX), None);
        assert_eq!(tree.child(Context::ROOT, 1), Some(Context(1)), "what is there is found");
        tree.clear();
        let first = tree.child(Context::ROOT, u64::MAX).expect("there is room again");
        assert_eq!(*tree.note(first), 0);
    }
}
